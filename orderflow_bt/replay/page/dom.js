/** Small helpers to build and change the page without markup in strings. */

/**
 * Make an element.
 * @param {string} name tag, with classes after dots: "div.row.quiet"
 * @param {Object<string, *>} [attributes] attributes; `on…` functions are listeners, `text` the content
 * @param {...(Node|string|null|undefined)} children
 * @returns {HTMLElement}
 */
export function make(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Set text only where it differs: layout is not touched for nothing. */
export function say(node, text) {
  const value = String(text);
  if (node.__said !== value) {
    node.__said = value;
    node.textContent = value;
  }
}

/** Set a class on or off. */
export function mark(node, name, on) {
  if (node.classList.contains(name) !== Boolean(on)) node.classList.toggle(name, Boolean(on));
}

/** Show or hide. */
export function show(node, on) {
  if (node.hidden === Boolean(on)) node.hidden = !on;
}

/** Put a data attribute, where it differs. */
export function tag(node, name, value) {
  const text = String(value);
  if (node.dataset[name] !== text) node.dataset[name] = text;
}

/** @returns {HTMLElement} the element of the page with this id */
export function at(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page has no #${id}`);
  return node;
}

/**
 * Keep a list of rows: as many as there are items, the same nodes used again.
 * @param {HTMLElement} parent
 * @param {number} count
 * @param {() => HTMLElement} create
 */
export function rows(parent, count, create) {
  while (parent.childElementCount > count) parent.lastElementChild.remove();
  while (parent.childElementCount < count) parent.append(create());
  return parent.children;
}

/** A row of buttons of which one is on: a radio group that is one line high. */
export function segments(parent, choices, chosen) {
  parent.setAttribute("role", "radiogroup");
  parent.classList.add("segments");
  const buttons = choices.map(({ value, label, title }) =>
    make("button", {
      type: "button",
      role: "radio",
      "data-value": value,
      title,
      "aria-label": title ? title.replace(/ \[.*\]$/, "") : label,
      text: label,
      onclick: () => chosen(value),
    }),
  );
  parent.replaceChildren(...buttons);
  parent.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const now = buttons.findIndex((button) => button === document.activeElement);
    const next = buttons[(now + step + buttons.length) % buttons.length];
    next.focus();
    chosen(next.dataset.value);
  });
  return (value) => {
    for (const button of buttons) {
      const on = button.dataset.value === String(value);
      button.setAttribute("aria-checked", String(on));
      button.tabIndex = on ? 0 : -1;
    }
  };
}
