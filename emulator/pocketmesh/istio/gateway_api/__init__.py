"""Reading the Gateway API's objects as Istio does: pure answers, which statuses and traffic both rest on."""
