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
