"""The programs that emulated images have, each an async function of its invocation."""
