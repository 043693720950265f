// The option that names a proxy by the address of its admin interface.

import { Option } from "commander";
import { hostPort } from "./values.ts";

/** Its value stays as it is written. */
export function adminOption(about: string): Option {
  const parse = hostPort("--admin", "127.0.0.1:15000");
  return new Option("--admin <address>", about).argParser((text: string) => {
    parse(text);
    return text;
  });
}
