/** An address that cannot be had. `message` is for the person at the terminal. */
export class ListenError extends Error {
  override readonly name = "ListenError";
}

export function listenError(at: { readonly hostname: string; readonly port: number }, thrown: unknown): ListenError {
  const { code, message } = thrown as { code?: string; message: string };
  const why = code === "EADDRINUSE" ? "another program has the port" : message;
  return new ListenError(`Cannot listen on ${at.hostname}:${at.port}: ${why}`, { cause: thrown });
}
