/** What the OpenAPI document tells of `/channels`; docs/channel-url.md tells all. */
import {
  type DescribedOperation,
  type DescribedPaths,
  type JsonSchema,
  jsonContent,
  referTo,
  refusedResponse,
} from "../../core/described-paths.ts";

const tags = ["Channels (docs/channel-url.md)"];
const text = { type: "string" };
const parameter = (at: "path" | "query" | "header", name: string, description: string) =>
  ({ name, in: at, required: at === "path", description, schema: text }) as const;

const channel = parameter("path", "channel", "A channel's name, with `/` between its levels, or percent-encoded.");
const published = {
  200: { description: "Its place.", content: jsonContent(referTo("Receipt")) },
  default: refusedResponse,
};

const publishing = (summary: string): DescribedOperation => ({
  tags,
  summary,
  security: [{}, { key: [] }],
  parameters: [
    channel,
    parameter("query", "key", "The key, in a map channel; also the header `Hearthwire-Map-Key`."),
    parameter("query", "transient", "`true`: for those who listen now; neither kept nor counted."),
    parameter("header", "Hearthwire-Tags", "`room=kitchen, kind=light`."),
    parameter("header", "Idempotency-Key", "A second request with it gets the first one's answer, for five minutes."),
  ],
  requestBody: { description: "JSON if its type says so, else text.", content: jsonContent({}) },
  responses: published,
});

const listening: DescribedOperation = {
  tags,
  summary: "Reads or watches a channel: by WebSocket, SSE, JSON lines or poll, or once, by what the request accepts",
  security: [{}, { key: [] }],
  parameters: [
    parameter("path", "channel", "Names and patterns, separated by commas: `*` is one level, `**` the rest."),
    parameter("query", "since", "The cursor after which to go on."),
    parameter("query", "history", "How many of the last publications to begin with."),
  ],
  responses: {
    200: { description: "Publications, as `application/json`, `application/x-ndjson` or `text/event-stream`." },
    101: { description: "A WebSocket." },
    default: refusedResponse,
  },
};

const removing: DescribedOperation = {
  ...publishing("Takes a key out of a map channel"),
  parameters: [channel, parameter("query", "key", "The key.")],
};

const receipt: JsonSchema = {
  type: "object",
  description: "Where a publication came to stand; on a durable channel it is then kept. A transient one has offset 0.",
  properties: { channel: text, offset: { type: "integer" }, epoch: text },
  required: ["channel", "offset", "epoch"],
};

export function describeChannels(): DescribedPaths {
  const { requestBody: _, ...withoutBody } = removing;
  return {
    paths: {
      "/channels/{channel}": {
        get: listening,
        post: publishing("Publishes in a channel"),
        put: publishing("The same as POST"),
        delete: withoutBody,
      },
    },
    schemas: { Receipt: receipt },
  };
}
