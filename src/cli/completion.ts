// `heddle completion SHELL`: what a shell reads to complete this program's commands.

import { Argument, type Command } from "commander";
import { completionScript, SHELLS, type Shell } from "./completion/script.ts";
import { print } from "./terminal.ts";

const HELP = `
Names of kinds, namespaces and objects are those of the running mesh. To have it in every new shell:
  bash   mkdir -p ~/.local/share/bash-completion/completions
         heddle completion bash > ~/.local/share/bash-completion/completions/heddle
  zsh    heddle completion zsh > "\${fpath[1]}/_heddle"
  fish   mkdir -p ~/.config/fish/completions
         heddle completion fish > ~/.config/fish/completions/heddle.fish`;

export function define(command: Command): void {
  command
    .addArgument(new Argument("<shell>", "whose script").choices(SHELLS))
    .addHelpText("after", HELP)
    .action((shell: Shell) => print(completionScript(shell)));
}
