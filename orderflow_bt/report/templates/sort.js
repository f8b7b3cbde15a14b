// Sort a table by the column whose heading is clicked; click again to turn the order.
for (const head of document.querySelectorAll("table.sorts thead th")) {
  head.tabIndex = 0;
  const sort = () => {
    const body = head.closest("table").tBodies[0];
    const at = head.cellIndex;
    const down = head.getAttribute("aria-sort") === "ascending";
    const value = (row) => {
      const text = row.cells[at].textContent.trim();
      const number = Number(text.replaceAll(",", "").replace("\u2212", "-").replace("%", ""));
      return text === "" ? [2, 0] : Number.isNaN(number) ? [1, text] : [0, number];
    };
    const rows = [...body.rows].map((row) => [value(row), row]);
    rows.sort(([[kind, a]], [[other, b]]) => kind - other || (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1));
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows.map(([, row]) => row));
  };
  head.addEventListener("click", sort);
  head.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
}
