/** How often panes of numbers are drawn while the tape runs: nobody reads them faster. */

export const QUICK = 100; // milliseconds between two pictures
export const SLOW = 250; // where each holds little of the one before

export class Pace {
  /** @param {Function} draw called when a picture that was put off is due */
  constructor(draw) {
    this.draw = draw;
    this.every = QUICK;
    this.drawn = -Infinity;
    this.later = 0;
  }

  /**
   * Whether to draw now; else it is drawn once its time has come.
   * @param {boolean} playing a tape that stands is drawn at once
   */
  due(playing) {
    const wait = this.drawn + this.every - performance.now();
    if (wait > 0 && playing) {
      this.later ||= setTimeout(() => {
        this.later = 0;
        this.draw();
      }, wait);
      return false;
    }
    this.drawn = performance.now();
    return true;
  }
}
