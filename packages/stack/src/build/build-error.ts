/** The sources of a function could not be made into code that runs. */
export class BuildError extends Error {
  /** Logical ids in the template. */
  readonly who: string;

  constructor(who: string, reason: string) {
    super(`function ${who} cannot be built: ${reason}`);
    this.name = 'BuildError';
    this.who = who;
  }
}
