/** Wheel, drag, click and keys on the chart, told to it in its own words. DOM only. */

const CLICK_PX = 4; // a press that moves less is a click
const PRICE_PULL = 28; // a drag up or down that goes less far leaves prices following

/**
 * Listen on an element.
 * @param {HTMLElement} element
 * @param {object} chart answers: areaAt(x, y), handleAt(x, y), zoomAt(axis, factor, x, y), panBy(dx, dy, begin),
 *   hover(x, y)|hover(null), click(x, y, event), moving(handle, y), moved(handle, y), double(area), key(event)
 * @returns {() => void} stops listening
 */
export function listen(element, chart) {
  let press = null;
  const place = (event) => {
    const box = element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const cursor = (x, y) => {
    const area = chart.areaAt(x, y);
    element.dataset.cursor = chart.handleAt(x, y) ? "handle" : area;
  };
  const on = {
    wheel(event) {
      event.preventDefault();
      const [x, y] = place(event);
      const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 320 : 1;
      const isPrice = event.ctrlKey || event.shiftKey || event.metaKey || chart.areaAt(x, y) === "prices";
      if (!isPrice && Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
        chart.panBy(-event.deltaX * unit, 0);
        return;
      }
      const turned = (event.deltaY || event.deltaX) * unit;
      const factor = Math.exp(-Math.max(-240, Math.min(240, turned)) * 0.0016);
      chart.zoomAt(isPrice ? "price" : "time", factor, x, y);
    },
    pointerdown(event) {
      if (event.button !== 0 && event.button !== 2) return;
      const [x, y] = place(event);
      const handle = event.button === 0 ? chart.handleAt(x, y) : null;
      press = { x, y, lastX: x, lastY: y, area: chart.areaAt(x, y), handle, button: event.button, moved: false, free: false };
      element.setPointerCapture(event.pointerId);
    },
    mousedown(event) {
      event.preventDefault(); // a click leaves the keys to the page: the chart has them when it is tabbed to
      const { activeElement } = document;
      if (activeElement !== element && activeElement !== document.body) activeElement?.blur();
    },
    pointermove(event) {
      const [x, y] = place(event);
      if (!press) {
        cursor(x, y);
        chart.hover(x, y);
        return;
      }
      if (Math.hypot(x - press.x, y - press.y) > CLICK_PX) press.moved = true;
      if (!press.moved || press.button !== 0) return;
      drag(chart, press, x, y);
      press.lastX = x;
      press.lastY = y;
      element.dataset.cursor = press.handle ? "handle" : press.area === "plot" ? "grabbing" : press.area;
    },
    pointerup(event) {
      const [x, y] = place(event);
      const ended = press;
      press = null;
      if (!ended) return;
      if (ended.handle && ended.moved) chart.moved(ended.handle, y);
      else if (!ended.moved && ended.area === "plot") chart.click(x, y, event);
      cursor(x, y);
      chart.hover(x, y);
    },
    pointercancel() {
      if (press?.handle) chart.moving(null);
      press = null;
    },
    pointerleave() {
      if (!press) chart.hover(null);
    },
    dblclick(event) {
      const [x, y] = place(event);
      chart.double(chart.areaAt(x, y));
    },
    contextmenu(event) {
      const [x, y] = place(event);
      if (chart.areaAt(x, y) === "plot") event.preventDefault();
    },
    keydown(event) {
      if (chart.key(event)) {
        event.preventDefault();
        event.stopPropagation();
      }
    },
  };
  const escape = (event) => {
    if (event.key !== "Escape" || !press?.handle) return;
    event.stopPropagation(); // it leaves the order where it is, and closes nothing else
    chart.moving(null);
    press = null;
  };
  window.addEventListener("keydown", escape, { capture: true });
  for (const [name, handler] of Object.entries(on)) {
    element.addEventListener(name, handler, name === "wheel" ? { passive: false } : undefined);
  }
  return () => {
    window.removeEventListener("keydown", escape, { capture: true });
    for (const [name, handler] of Object.entries(on)) element.removeEventListener(name, handler);
  };
}

function drag(chart, press, x, y) {
  const dx = x - press.lastX;
  const dy = y - press.lastY;
  if (press.handle) {
    chart.moving(press.handle, y);
  } else if (press.area === "prices") {
    chart.zoomAt("price", Math.exp(-dy * 0.006), x, null);
  } else if (press.area === "times") {
    chart.zoomAt("time", Math.exp(dx * 0.006), null, y);
  } else {
    if (!press.free && Math.abs(y - press.y) > PRICE_PULL) press.free = true;
    chart.panBy(dx, press.free || !chart.pricesFollow() ? dy : 0);
  }
}
