/** docs/cli.md, made from the commands themselves. */
import type { Command, Option } from "commander";
import { configHeading } from "./config-options.ts";
import { makeProgram } from "./program.ts";

const introduction = `# The command line

<!-- Made from src/cli by \`npm run docs\`; changes here are lost. -->

\`hearthwire COMMAND --help\` says the same. From a checkout it is \`bin/hearthwire\`.

Commands reach the running gateway of this machine by the control socket in its data directory, \`control.sock\`, which only
the gateway's own user can open and which therefore needs no key. Say which gateway with the \`--config\` or \`--data\` that it
was started with. A gateway elsewhere is reached with \`--url\` and a key. While no gateway runs, commands on keys and
devices work on the data directory.

Results go to the standard output, everything else to the error output: \`KEY=$(hearthwire key create …)\` is the key alone.

| exit code | |
|---|---|
| 0 | done |
| 1 | failed or refused; the reason is one sentence on the error output |
| 2 | the command was used in a wrong way |
| 3 | no gateway is running, or none answers |
`;

/** What `docs/cli.md` holds. */
export function commandsPage(): string {
  const program = makeProgram();
  const sections = program.commands.flatMap((command) =>
    command.commands.length === 0 ? [command] : [...command.commands],
  );
  return [
    introduction,
    `## Options of all commands\n\n${optionsTable(program.options)}\n`,
    ...sections.map(section),
  ].join("\n");
}

function section(command: Command): string {
  const own = command.options.filter(({ helpGroupHeading }) => helpGroupHeading !== configHeading);
  const parts = [
    `## \`${nameOf(command)}${argumentsOf(command)}\``,
    `${sentence(command.description())}`,
    command.registeredArguments.map((argument) => `- \`${argument.name()}\`: ${argument.description}`).join("\n"),
    own.length === 0 ? "" : optionsTable(own),
    own.length === command.options.length ? "" : "Every option of [the configuration](options.md) is a flag of it too.",
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

function argumentsOf(command: Command): string {
  return command.registeredArguments
    .map((argument) => {
      const name = `${argument.name()}${argument.variadic ? "…" : ""}`.toUpperCase();
      return argument.required ? ` ${name}` : ` [${name}]`;
    })
    .join("");
}

function optionsTable(options: readonly Option[]): string {
  const rows = options.map(({ flags, description }) => `| \`${flags}\` | ${description.replaceAll("|", "\\|")} |`);
  return `| option | |\n|---|---|\n${rows.join("\n")}`;
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}
