// A page within Airflow's UI may not lead the whole window on; the window itself may.
(() => {
  "use strict";
  let around = null;
  try {
    if (parent !== window) around = parent.document;
  } catch { /* another site frames this page */ }
  if (!around) return;
  addEventListener("click", (event) => {
    const link = event.target instanceof Element && event.target.closest("a[data-airflow]");
    if (!link) return;
    event.preventDefault();
    const outside = around.createElement("a");
    outside.href = link.href;
    around.body.append(outside);
    outside.click();
    outside.remove();
  });
})();
