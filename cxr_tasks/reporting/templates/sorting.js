// Tables of class "sortable" are sorted by their headings: up, down, and as they came. Where a
// narrow screen hides the headings of a "stack", a choice above the table does the same.
(() => {
  "use strict";
  const MISSING = /^[\s\u2013]*$/;

  // What a cell is sorted by: `data-value`, or what it shows without the interval below it.
  const textOf = (cell) => cell.dataset.value ?? [...cell.childNodes]
    .filter((node) => node.nodeName !== "SMALL").map((node) => node.textContent).join("");

  // A cell's number: a count of a whole, or the first number of its text.
  const number = (cell) => {
    const text = textOf(cell).trim()
      .replace(/(\d)[\u2009\u202f\u00a0](?=\d{3})/g, "$1").replace(/\u2212/g, "-");
    const share = text.match(/^(\d+) of (\d+)/);
    if (share) return share[1] / share[2];
    const found = text.match(/^<?\s*([+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?)/i);
    return found ? Number(found[1]) - (text.startsWith("<") ? 1e-12 : 0) : NaN;
  };

  const isMissing = (cell) => !cell || cell.colSpan > 1 || MISSING.test(textOf(cell));

  const compare = (one, other, direction) => {
    if (isMissing(one) || isMissing(other)) return isMissing(one) - isMissing(other);
    const [a, b] = [number(one), number(other)];
    if (!Number.isNaN(a) && !Number.isNaN(b)) return direction * (a - b);
    return direction * textOf(one).trim().localeCompare(textOf(other).trim(), "en", { numeric: true });
  };

  // The choice that stands for the headings: each column up and down, and as the rows came.
  const choiceAbove = (table, columns, sortBy) => {
    const label = document.createElement("label"), select = document.createElement("select");
    label.className = "sort-by";
    label.append("Sort by", select);
    select.autocomplete = "off";
    select.add(new Option("as listed", ""));
    for (const { title, at } of columns) {
      for (const order of ["ascending", "descending"]) {
        select.add(new Option(`${title}, ${order}`, `${at} ${order}`));
      }
    }
    select.addEventListener("change", () => sortBy(...select.value.split(" ")));
    table.before(label);
    return select;
  };

  const attach = (table) => {
    const body = table.tBodies[0], headings = [...(table.tHead?.rows[0]?.cells ?? [])];
    const rows = [...(body?.rows ?? [])];
    if (table.tBodies.length !== 1 || rows.length < 2) return;
    const columns = headings.map((heading, at) => ({ heading, at, title: heading.textContent.trim() }))
      .filter(({ heading, title }) => title && heading.colSpan === 1 && !heading.matches(".axis"));
    const sortBy = (at, order) => {
      for (const each of headings) each.removeAttribute("aria-sort");
      if (order) headings[at].setAttribute("aria-sort", order);
      if (select) select.value = order ? `${at} ${order}` : "";
      const direction = order === "descending" ? -1 : 1;
      const cells = (row) => row.cells[at];
      body.append(...(order ? [...rows].sort((a, b) => compare(cells(a), cells(b), direction)) : rows));
    };
    const select = table.matches(".stack") ? choiceAbove(table, columns, sortBy) : null;
    for (const { heading, at } of columns) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const before = heading.getAttribute("aria-sort");
        sortBy(at, before ? { ascending: "descending" }[before] : "ascending");
      });
    }
  };

  for (const table of document.querySelectorAll("table.sortable, table[data-sortable]")) attach(table);
})();
