// The contents bar marks the section that is read, and what a link leads to is unfolded.
(() => {
  "use strict";
  const bar = document.querySelector(".contents");
  if (!bar) return;
  const links = new Map();
  for (const link of bar.querySelectorAll("li a")) {
    const section = document.getElementById(link.hash.slice(1));
    if (section) links.set(section, link);
  }
  const inView = new Set();
  const mark = () => {
    const current = [...links.keys()].find((section) => inView.has(section));
    if (!current) return;
    for (const [section, link] of links) {
      if (section === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    const link = links.get(current);
    if (bar.scrollWidth > bar.clientWidth) bar.scrollLeft = link.offsetLeft - bar.clientWidth / 3;
  };
  const observer = new IntersectionObserver((seen) => {
    for (const each of seen) {
      if (each.isIntersecting) inView.add(each.target);
      else inView.delete(each.target);
    }
    mark();
  }, { rootMargin: "-15% 0px -70% 0px" });
  for (const section of links.keys()) observer.observe(section);

  const unfold = () => {
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!target) return;
    for (let at = target; at; at = at.parentElement) if (at.localName === "details") at.open = true;
    const own = target.querySelector(":scope > .intro + details:last-child"); // all that a section has
    if (own) own.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  unfold();

  let unfolded = [];
  addEventListener("beforeprint", () => {
    unfolded = [...document.querySelectorAll("details.paper:not([open])")];
    for (const each of unfolded) each.open = true;
  });
  addEventListener("afterprint", () => {
    for (const each of unfolded) each.open = false;
  });
})();
