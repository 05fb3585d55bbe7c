// What was turned down, or could not be asked.

/** Something that the server refused, or that it could not be asked (`code` "network"). `message` is for people. */
export class LiveProblem extends Error {
  /** @param {{code?: string, message?: string, type?: string, retryable?: boolean, retryAfterSeconds?: number | undefined, stream?: string | undefined}} what */
  constructor({ code = 'unknown', message = '', type = 'server_error', retryable = false, retryAfterSeconds, stream }) {
    super(message || code);
    this.name = 'LiveProblem';
    this.code = code;
    this.type = type;
    this.retryable = retryable;
    this.retryAfterSeconds = retryAfterSeconds;
    this.stream = stream;
  }
}

/** No answer came. */
export const silence = () => new LiveProblem({ code: 'network', message: 'No answer came.', retryable: true });

/**
 * Whether asking again may help, and when: of our own problems, and of anybody's that say it in the same fields.
 * @param {unknown} error @returns {{code: string, retryable: boolean, afterMilliseconds: number}}
 */
export function readProblem(error) {
  const { code = '', retryable = false, retryAfterSeconds = 0 } = /** @type {any} */ (error ?? {});
  return { code: String(code), retryable: Boolean(retryable), afterMilliseconds: Number(retryAfterSeconds) * 1_000 || 0 };
}
