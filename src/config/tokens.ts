/** The options of tokens (JWT) that an application makes for its users. */
import { z } from "zod";
import { verbs } from "../core/access.ts";
import { claimedGrantsFault } from "../core/tokens.ts";
import { option } from "./option.ts";
import { filePath, webUrl } from "./values.ts";

/** Shorter secrets can be guessed from one token. */
const leastSecret = 16;

const oneSecret = z
  .string()
  .refine((text) => text.length >= leastSecret, { message: `must have at least ${leastSecret} characters` });
const words = z.string().refine((text) => secretsIn(text).every((secret) => secret.length >= leastSecret), {
  message: `must have secrets of at least ${leastSecret} characters`,
});

const grants = z.partialRecord(z.enum(verbs), z.array(z.string())).superRefine((given, context) => {
  const fault = claimedGrantsFault(given);
  if (fault !== undefined) context.addIssue({ code: "custom", message: `make no sense: ${fault}` });
});

export const tokens = z.strictObject({
  hmac: option(
    {
      is: "Secrets that the application signs with (HS256, HS384, HS512); two while one replaces the other.",
      unit: "texts of at least 16 characters; in a file separated by spaces or line breaks",
      byDefault: "none",
      example: ["an-old-secret-of-the-application", "a-new-secret-of-the-application"],
      secret: true,
    },
    z.union([z.array(oneSecret), words]).optional(),
  ),
  public_keys: option(
    {
      is: "Files with public keys of the application: PEM, JWK or JWKS; RSA, ECDSA and Ed25519.",
      unit: "files",
      example: ["/etc/hearthwire/application.pem"],
    },
    z.array(option({ is: "A file with a public key.", path: true, example: "application.pem" }, filePath)).prefault([]),
  ),
  jwks_url: option(
    {
      is: "Where the application, or its identity provider, tells its public keys (JWKS); asked when needed, every 10 minutes at most, or 30 seconds for a key that is not known.",
      unit: "URL",
      example: "https://id.example.org/.well-known/jwks.json",
    },
    webUrl.optional(),
  ),
  audience: option(
    { is: "What the claim `aud` must have one of.", unit: "texts", example: ["hearthwire"] },
    z.array(z.string().min(1)).prefault([]),
  ),
  issuer: option(
    { is: "What the claim `iss` must be.", example: "https://id.example.org" },
    z.string().min(1).optional(),
  ),
  default_grants: option(
    {
      is: "What tokens without the claim `grants` may do; without this, nothing but what they name in `channels`.",
      example: { subscribe: ["home/**"] },
    },
    grants.prefault({}),
  ),
});
export type TokensConfig = z.output<typeof tokens>;

function secretsIn(text: string): readonly string[] {
  return text.split(/\s+/).filter((secret) => secret !== "");
}

/** The secrets, however they were written. */
export function tokenSecrets({ hmac = [] }: Pick<TokensConfig, "hmac">): readonly string[] {
  return typeof hmac === "string" ? secretsIn(hmac) : hmac;
}
