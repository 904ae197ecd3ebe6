import type { Json, JsonObject } from './json.ts';

/** What the service answers with: `{"error": {code, message, target?, details?}}` and a status. */
export class ArmError extends Error {
  override readonly name = 'ArmError';
  readonly status: number;
  readonly code: string;
  readonly target: string | undefined;
  readonly details: readonly ArmError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    more: { target?: string; details?: readonly ArmError[]; headers?: Readonly<Record<string, string>>; cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause });
    this.status = status;
    this.code = code;
    this.target = more.target;
    this.details = more.details ?? [];
    this.headers = more.headers ?? {};
  }

  /** The content of `error`. */
  toJson(): JsonObject {
    const details: Json[] = this.details.map((detail) => detail.toJson());
    return { code: this.code, message: this.message, target: this.target, details: details.length > 0 ? details : undefined };
  }
}
