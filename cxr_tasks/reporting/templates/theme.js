// Inside Airflow's UI a page has the theme that is chosen there; elsewhere the system's.
(() => {
  "use strict";
  if (!location.protocol.startsWith("http")) return;
  const follow = () => {
    let chosen = null;
    try { chosen = localStorage.getItem("theme"); } catch { /* storage is switched off */ }
    const root = document.documentElement;
    if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
    else delete root.dataset.theme;
  };
  follow();
  addEventListener("storage", follow);
})();
