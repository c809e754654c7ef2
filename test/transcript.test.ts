import { expect, test } from "bun:test";
import { byteLine, type Line, replay, type Stage } from "./transcript.ts";

/** Answers every chunk with what `answer` makes of it, and closes after `bye`. */
async function onEcho(answer: (text: string) => string, run: (stage: Stage) => Promise<void>): Promise<void> {
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, chunk) {
        const text = chunk.toString("latin1");
        socket.write(Buffer.from(answer(text), "latin1"));
        if (text.includes("bye")) socket.end();
      },
    },
  });
  const connect = (): Promise<Line> => byteLine({ host: "127.0.0.1", port: server.port });
  try {
    await run({ connect, patience: 300 });
  } finally {
    server.stop(true);
  }
}

const same = (text: string): string => text;

test("a transcript that is true passes: bytes, masks that bind, names, closes", async () => {
  const cookie = (text: string): string => (text.startsWith("hello") ? "cookie=c42 now\r\n" : text);
  await onEcho(cookie, (stage) =>
    replay(
      `# A comment.
> hello
< cookie=‹cookie› ‹›\\r
> again ‹cookie›
< again c42
bob> \\x81\\x05caf\u00e9\\
bob< \\x81\\x05café\\
> bye
< bye
@ closed main
`,
      stage,
    ),
  );
});

test.each([
  ["another text", "> a\n< b"],
  ["a missing line feed", "> a\\\n< a"],
  ["more than was expected", "> a\n< a\\"],
  ["a mask that was bound to something else", "> a b\n< ‹x› ‹x›"],
  ["nothing", "< a"],
  ["a close that does not come", "> a\n< a\n@ closed main"],
  ["an action that nobody knows", "@ dance"],
  ["a line that is none", "what?"],
])("a transcript that is not true fails: %s", async (_, transcript) => {
  await onEcho(same, async (stage) => {
    expect(await replay(transcript, stage).catch((error: Error) => error)).toBeInstanceOf(Error);
  });
});
