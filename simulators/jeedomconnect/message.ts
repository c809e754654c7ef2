/** What is told to phones: something of a type. */
export interface Message {
  readonly type: string;
  readonly payload?: unknown;
}

export function readMessage(value: unknown): Message | undefined {
  const isMessage = typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
  return isMessage ? (value as Message) : undefined;
}
