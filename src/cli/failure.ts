/** How commands fail: with one sentence for the person, and an exit code for the script. */

/** 1: it failed or was refused. 2: the command was used in a wrong way. 3: no gateway answers. */
export const exitCodes = { done: 0, failed: 1, wrongUse: 2, noGateway: 3 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The message begins with what could not be done. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = exitCodes.failed) {
    super(message);
    this.name = "CommandFailure";
    this.exitCode = exitCode;
  }
}

export function wrongUse(message: string): CommandFailure {
  return new CommandFailure(message, exitCodes.wrongUse);
}

export function codeOf(thrown: unknown): string {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
}
