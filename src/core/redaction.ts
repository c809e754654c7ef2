/** Takes secrets out of what is logged, told or counted: keys of ours, tickets, tokens, and keys in the URLs of old protocols. */

const secrets = [
  /(hw_[A-Za-z0-9]{4,32}_)[A-Za-z0-9]+/g,
  /(hwt_)[A-Za-z0-9]+/g,
  // Tokens (JWT): their header tells nothing, their claims and signature do.
  /(\beyJ)[\w-]*\.[\w-]*\.[\w-]*/g,
  /([?&](?:ticket|apikey|apiKey|api|key|token|userHash|access_token)=)[^&\s"]+/g,
  /("(?:apiKey|apikey|userHash|jeedomApiKey|password|token)"\s*:\s*")(?:[^"\\]|\\.)+/g,
  // The same in JSON that is quoted in JSON.
  /(\\"(?:apiKey|apikey|userHash|jeedomApiKey|password|token)\\"\s*:\s*\\")[^"\\]+/g,
];

export function redact(text: string): string {
  return secrets.reduce((clean, secret) => clean.replace(secret, "$1…"), text);
}
