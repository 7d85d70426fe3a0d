// Images of a gallery are enlarged in a dialog: with their maps, and what every variant says of them.
(() => {
  "use strict";
  const tiles = document.querySelectorAll(".tiles > .tile");
  if (!tiles.length) return;

  const button = (parent, text, label, work) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    if (label) made.setAttribute("aria-label", label);
    made.addEventListener("click", work);
    parent.append(made);
    return made;
  };

  const dialog = document.createElement("dialog");
  dialog.className = "enlarged";
  dialog.setAttribute("aria-labelledby", "enlarged-name");
  const head = document.createElement("header"), body = document.createElement("div");
  const name = document.createElement("h2");
  name.id = "enlarged-name";
  dialog.append(head, body);
  head.append(name);
  let shown = null;

  const show = (tile) => {
    shown = tile;
    const told = tile.querySelector(".name");
    name.textContent = told.title || told.textContent;
    body.replaceChildren(...[...tile.children].map((each) => each.cloneNode(true)));
    body.querySelector(".enlarge").remove();
    if (body.querySelector(".map image")) body.append(document.querySelector(".scale").cloneNode(true));
    const [before, after] = [neighbour(-1), neighbour(1)];
    previous.disabled = !before;
    next.disabled = !after;
    dialog.className = `enlarged views-${Math.min(4, body.querySelectorAll(".view").length)}`;
  };

  // The next tile of the same gallery that a filter has not hidden.
  const neighbour = (step) => {
    const seen = [...shown.parentElement.children].filter((tile) => tile.getClientRects().length);
    return seen[seen.indexOf(shown) + step];
  };

  const go = (step) => {
    const tile = neighbour(step);
    if (!tile) return;
    show(tile);
    if (document.activeElement?.disabled) close.focus();
  };

  const previous = button(head, "\u2190", "Previous image", () => go(-1));
  const next = button(head, "\u2192", "Next image", () => go(1));
  const close = button(head, "Close", "", () => dialog.close());
  document.body.append(dialog);

  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => shown.querySelector(".enlarge").focus());
  dialog.addEventListener("keydown", ({ key }) => {
    if (key === "ArrowLeft") go(-1);
    if (key === "ArrowRight") go(1);
  });

  for (const tile of tiles) {
    const told = tile.querySelector(".name").textContent;
    button(tile.querySelector(".views"), "", `Enlarge ${told}`, () => {
      show(tile);
      dialog.showModal();
      close.focus();
    }).className = "enlarge";
  }
})();
