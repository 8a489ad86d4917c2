// What the theme leaves out for keyboards and screen readers.
document.querySelector(".md-search").setAttribute("aria-label", "Search")

const reachable = () => {
  for (const frame of document.querySelectorAll(".md-typeset__scrollwrap, .tabbed-labels")) {
    frame.toggleAttribute("tabindex", frame.scrollWidth > frame.clientWidth)
    if (frame.hasAttribute("tabindex")) frame.tabIndex = 0
  }
}
addEventListener("resize", reachable)
addEventListener("load", reachable)
addEventListener("toggle", reachable, true)

// The theme remembers which tab was chosen, but does not find tabs in what is folded.
for (const tabs of document.querySelectorAll("details .tabbed-set")) {
  const labels = [...tabs.querySelectorAll(".tabbed-labels > label")]
  const chosen = (__md_get("__tabs") || []).map(name => labels.find(it => it.textContent.trim() === name))
  const first = chosen.find(it => it)
  if (first) document.getElementById(first.htmlFor).checked = true
}
