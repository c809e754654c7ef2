/** The page of refusals, generated from their one table: served at /docs/codes, and kept as docs/codes.md. */
import { type Refusal, refusals } from "../core/refusals.ts";

interface Group {
  readonly title: string;
  readonly text: string;
  readonly from: number;
  readonly to: number;
}

const groups: readonly Group[] = [
  { title: "Errors", text: "One command or request was refused; the connection goes on.", from: 0, to: 1999 },
  { title: "Unsubscribed for good", text: "One subscription ended. Do not subscribe again.", from: 2000, to: 2499 },
  { title: "Unsubscribed, to come again", text: "One subscription ended. Subscribe again.", from: 2500, to: 2999 },
  { title: "Closed, to come again", text: "The connection ended. Connect again.", from: 3000, to: 3499 },
  {
    title: "Closed for good",
    text: "The connection ended. Connecting again as before would end the same.",
    from: 3500,
    to: 3999,
  },
];

function entriesOf({ from, to }: Group): Refusal[] {
  return Object.values(refusals).filter(({ code }) => code >= from && code <= to);
}

export function codesMarkdown(): string {
  const parts = groups.map((group) => {
    const rows = entriesOf(group).map(
      ({ code, name, status, close, message, advice }) =>
        `| <a id="${code}"></a>${code} | \`${name}\` | ${status} | ${close} | ${message} | ${advice} |`,
    );
    const head = "| code | name | HTTP | WebSocket close | what it means | what to do |\n|---|---|---|---|---|---|";
    return `## ${group.title}\n\n${group.text}\n\n${head}\n${rows.join("\n")}\n`;
  });
  return `# Codes\n\nEvery no of the gateway, on any transport. Generated from \`src/core/refusals.ts\` by \`npm run docs\`.\n\n${parts.join("\n")}`;
}

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"]/g, (character) => escapes[character] ?? character);
}

export function codesPage(): string {
  const parts = groups.map((group) => {
    const rows = entriesOf(group).map(({ code, name, status, close, message, advice }) => {
      const cells = [String(code), name, String(status), String(close), message, advice].map(
        (cell) => `<td>${escapeHtml(cell)}</td>`,
      );
      return `<tr id="${code}">${cells.join("")}</tr>`;
    });
    const head =
      "<tr><th>code</th><th>name</th><th>HTTP</th><th>close</th><th>what it means</th><th>what to do</th></tr>";
    return `<h2>${group.title}</h2><p>${group.text}</p><table>${head}${rows.join("")}</table>`;
  });
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Hearthwire: codes</title><link rel="stylesheet" href="../style.css"><main class="codes"><h1>Codes</h1><p>Every no of the gateway, on any transport.</p>${parts.join("")}</main></html>`;
}
