// The scripts that shells read. Each asks `heddle __complete WORD…` (complete.ts) with the words up to the cursor, the last of them
// unfinished, and gets a line for each candidate, `word<TAB>description`, or the line `:files`.

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** Stands alone on a line where names of files are wanted, which shells know themselves. */
export const FILES = ":files";

// COMP_WORDS is cut at "=" and ":", which stand in words here; the line is cut at white space instead, and what bash does not replace of
// the word is left out of the candidates.
const BASH = `# bash completion of heddle
_heddle() {
  local line=\${COMP_LINE:0:COMP_POINT} words word current kept
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=\${words[\${#words[@]}-1]}
  kept=\${current%"\${current##*[=:]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    if [[ $word == ${FILES} ]]; then
      compopt -o default 2>/dev/null
      COMPREPLY=()
      return
    fi
    COMPREPLY+=("\${word#"$kept"}")
  done < <("\${words[0]}" __complete "\${words[@]:1}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *[=/] ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F _heddle heddle`;

const ZSH = `#compdef heddle
_heddle() {
  local line word about
  local -a candidates
  while IFS=$'\\t' read -r word about; do
    if [[ $word == ${FILES} ]]; then
      _files
      return
    fi
    candidates+=("\${word//:/\\\\:}\${about:+:$about}")
  done < <("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  _describe heddle candidates
}
if [[ \${funcstack[1]} == _heddle ]]; then _heddle "$@"; else compdef _heddle heddle; fi`;

const FISH = `# fish completion of heddle
function __heddle_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l lines ($words[1] __complete $words[2..-1] 2>/dev/null)
    if test "$lines[1]" = ${FILES}
        __fish_complete_path (commandline -ct)
    else
        printf '%s\\n' $lines
    end
end
complete -c heddle -f -a '(__heddle_complete)'`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };

export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}
