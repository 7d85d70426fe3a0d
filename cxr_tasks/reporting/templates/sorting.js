// Tables of class "sortable" are sorted by their headings: up, down, and as they came.
(() => {
  "use strict";
  const MISSING = /^[\s\u2013]*$/;

  // A cell's number: `data-value`, a count of a whole, or the first number that it shows.
  const number = (cell) => {
    const text = (cell.dataset.value ?? cell.textContent).trim()
      .replace(/(\d)[\u2009\u202f\u00a0](?=\d{3})/g, "$1").replace(/\u2212/g, "-");
    const share = text.match(/^(\d+) of (\d+)/);
    if (share) return share[1] / share[2];
    const found = text.match(/^<?\s*([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)/i);
    return found ? Number(found[1]) - (text.startsWith("<") ? 1e-12 : 0) : NaN;
  };

  const isMissing = (cell) => !cell || cell.colSpan > 1 || MISSING.test(cell.dataset.value ?? cell.textContent);

  const compare = (one, other, direction) => {
    if (isMissing(one) || isMissing(other)) return isMissing(one) - isMissing(other);
    const [a, b] = [number(one), number(other)];
    if (!Number.isNaN(a) && !Number.isNaN(b)) return direction * (a - b);
    return direction * one.textContent.localeCompare(other.textContent, "en", { numeric: true });
  };

  const attach = (table) => {
    const body = table.tBodies[0], headings = [...(table.tHead?.rows[0]?.cells ?? [])];
    const rows = [...(body?.rows ?? [])];
    if (table.tBodies.length !== 1 || rows.length < 2) return;
    headings.forEach((heading, column) => {
      const title = heading.textContent.trim();
      if (!title || heading.colSpan > 1) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const before = heading.getAttribute("aria-sort");
        const next = { ascending: "descending", descending: null }[before] ?? (before ? null : "ascending");
        for (const each of headings) each.removeAttribute("aria-sort");
        if (next) heading.setAttribute("aria-sort", next);
        const direction = next === "descending" ? -1 : 1;
        const cells = (row) => row.cells[column];
        body.append(...(next ? [...rows].sort((a, b) => compare(cells(a), cells(b), direction)) : rows));
      });
    });
  };

  for (const table of document.querySelectorAll("table.sortable, table[data-sortable]")) attach(table);
})();
