// What the browser keeps: of this tab until it is closed, and of this browser. If the browser blocks
// storage, or has no room, a value is kept until the page is closed or loaded again.

class Kept {
  #memory = new Map();
  #open;

  constructor(open) {
    this.#open = open; // throws if the browser blocks storage
  }

  get(name) {
    if (this.#memory.has(name)) return this.#memory.get(name);
    try {
      return this.#open().getItem(name);
    } catch {
      return null;
    }
  }

  set(name, text) {
    this.remove(name); // so that no older value stays if there is no room for this one
    try {
      this.#open().setItem(name, text);
    } catch {
      this.#memory.set(name, text);
    }
  }

  remove(name) {
    this.#memory.delete(name);
    try {
      this.#open().removeItem(name);
    } catch {
      // There is nothing.
    }
  }
}

export const ofTab = new Kept(() => sessionStorage);
export const ofBrowser = new Kept(() => localStorage);
