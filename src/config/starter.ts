/** The commented file that `hearthwire init` writes. */

export interface StarterAnswers {
  /** Whether other machines of the house may connect, or only this one. */
  readonly lan: boolean;
  readonly port: number;
  readonly publicUrl?: string | undefined;
  /** The data folder, when not the user's own. */
  readonly data?: string | undefined;
  /** Whether the house may be read without a key from the house's own network. */
  readonly anonymousReading: boolean;
}

/** Text of a person's choice, safe in YAML: JSON is YAML. */
const quoted = (text: string): string => JSON.stringify(text);

function whereabouts({ lan, port, publicUrl, data }: StarterAnswers): string {
  const lines = [
    lan
      ? "# Every interface of this machine, so that phones and boards reach it. `127.0.0.1:…`: this machine only."
      : "# This machine only. With `:…` other machines of the house reach it too.",
    `listen: ${lan ? `":${port}"` : `127.0.0.1:${port}`}`,
    "",
    "# Encryption. Without a proxy that does it, give the gateway a certificate before you open a port of your router.",
    "# tls: { cert: /etc/hearthwire/fullchain.pem, key: /etc/hearthwire/privkey.pem }",
    "",
    "# How the world reaches the gateway through a proxy or router, and which proxies tell the truth about addresses.",
    publicUrl === undefined ? "# public_url: https://push.example.org" : `public_url: ${quoted(publicUrl)}`,
    publicUrl === undefined ? "# trusted_proxies: [127.0.0.1, '::1']" : "trusted_proxies: [127.0.0.1, '::1']",
    "",
    "# Keys, devices and what is kept of durable channels. Relative paths count from this file.",
    data === undefined ? "# data: /var/lib/hearthwire" : `data: ${quoted(data)}`,
  ];
  return lines.join("\n");
}

const openToHouse = "[127.0.0.0/8, '::1', 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 'fc00::/7', 'fe80::/10']";

function strangers({ anonymousReading }: StarterAnswers): string {
  if (!anonymousReading) {
    return `# What a peer without a key may do: nothing. Make keys with \`hearthwire key create\`.
anonymous: { subscribe: [], publish: [], devices: false }`;
  }
  return `# What a peer without a key may do: read the house. Who writes needs a key: \`hearthwire key create\`.
anonymous:
  subscribe: [home/**, demo/**]
  publish: []
  devices: loopback        # true: devices connect without a key from anywhere below

# Only from this machine and private networks; whoever comes from the internet needs a key.
protocols:
  channel-url: { open_to: ${openToHouse} }
  unix-socket: { open_to: ${openToHouse} }`;
}

const channels = `# What channels keep, by pattern; the first that matches holds. \`*\` is one level, \`**\` the rest.
# A channel that is not named: a stream, the last 100 publications of 10 minutes, nothing on disk.
channels:
  home/lights: { kind: map, durable: true }      # the current value of each light
  home/sensors: { kind: map }
  home/**: { history: { size: 1000, ttl: 1d }, durable: true }`;

const rest = `# Web pages of other addresses that may connect.
# origins: [https://home.example.org]

# The socket that programs on this machine push into.
# unix_socket: { path: /run/hearthwire/hearthwire.sock, mode: 0660, group: www-data }

# More ports, each with one protocol at any path, or with all.
# listeners:
#   - { listen: ':8443', protocol: unix-socket, tls: { cert: fullchain.pem, key: privkey.pem } }

# log: { level: info, format: auto }
`;

export function starterConfig(answers: StarterAnswers): string {
  const head = `# Hearthwire. Every option: docs/options.md. After a change: hearthwire config check
# A line that begins with # is a proposal; the rest holds.`;
  return [head, whereabouts(answers), strangers(answers), channels, rest].join("\n\n");
}
