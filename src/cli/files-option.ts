// Options by which commands take files of objects.

import { Option } from "commander";

export function recursiveOption(): Option {
  return new Option("-R, --recursive", "files of folders below folders, too");
}

/** Of Pods in files. */
export function proxyOption(): Option {
  return new Option("--proxy <kind>", "what stands beside Pods of files that say nothing of one").choices([
    "heddle",
    "envoy",
  ]);
}

/** Of commands that ask the running mesh where no file is given. */
export function filesInsteadOption(): Option {
  return new Option(
    "-f, --filename <file...>",
    "files or folders of YAML or JSON instead of the running mesh, - for standard input",
  );
}
