// The access token to go on with.

/** @typedef {string | (() => string | Promise<string>)} Given */

export class Tokens {
  /** The one that is in use. */
  now = '';
  #old = '';
  /** @type {Promise<string> | null} */
  #refreshing = null;

  /** @param {Given} given @param {((refused: string) => string | Promise<string>) | undefined} refresh */
  constructor(given, refresh) {
    this.given = given;
    this.refresh = refresh;
  }

  /** The token for a new connection; never again one that was refused, if another was got since. */
  async current() {
    const given = await this.#ask();
    if (given !== this.#old) this.now = given;
    return this.now;
  }

  /** Another token than the one in use; asked for once, however many need it. @returns {Promise<string>} */
  another() {
    this.#refreshing ??= this.#another().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #another() {
    const renewed = await (this.refresh ? this.refresh(this.now) : this.#ask());
    if (renewed !== this.now) this.#old = this.now;
    this.now = renewed;
    return renewed;
  }

  async #ask() {
    return typeof this.given === 'function' ? this.given() : this.given;
  }
}
