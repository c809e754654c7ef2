/** The options of methods that a backend of the user's answers. */
import { z } from "zod";
import { methodPatternFault } from "../core/calls.ts";
import { option } from "./option.ts";
import { duration, size, webUrl } from "./values.ts";

const methods = z.string().superRefine((text, context) => {
  const fault = methodPatternFault(text);
  if (fault !== undefined) context.addIssue({ code: "custom", message: `is no pattern of methods: ${fault}` });
});

const backend = z.strictObject({
  url: option(
    { is: "Where calls are sent, by `POST`.", unit: "URL", example: "http://127.0.0.1:3000/hearthwire" },
    webUrl,
  ),
  timeout: option(
    { is: "How long an answer may take.", unit: "duration", example: "2s" },
    duration({ least: 1, most: 600_000 }).prefault("5s"),
  ),
  max_size: option(
    { is: "The largest parameters, and the largest answer.", unit: "size", example: "64KB" },
    size({ least: 1, most: 2 ** 26 }).prefault("1MiB"),
  ),
});

export const calls = z.map(
  methods,
  option({ is: "A backend.", example: { url: "http://127.0.0.1:3000/hearthwire" } }, backend),
);
