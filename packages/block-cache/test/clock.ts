/** A clock that moves only when told to. */
export class Clock {
  milliseconds: number;

  constructor(milliseconds = Date.UTC(2026, 0, 1)) {
    this.milliseconds = milliseconds;
  }

  readonly now = (): number => this.milliseconds;

  advance(seconds: number): void {
    this.milliseconds += seconds * 1000;
  }
}
