// The programs that capture stands on, and what is asked of a machine before the first of them is run.

import { Failure } from "../base/failure.ts";
import { PACKET_FILTERS, type PacketFilter } from "./packet-filter.ts";

/** Where distributions keep programs of the administrator; an ordinary PATH leaves them out. */
const PATH = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;

const PACKAGES = { ip: "iproute2", "iptables-restore": "iptables", setpriv: "util-linux" } as const;
type Needed = keyof typeof PACKAGES;

export interface Tools {
  readonly ip: string;
  readonly setpriv: string;
  /** At least one. */
  readonly packetFilters: readonly PacketFilter[];
}

function find(program: string): string | undefined {
  return Bun.which(program, { PATH }) ?? undefined;
}

function packetFilters(): readonly PacketFilter[] {
  return PACKET_FILTERS.flatMap((name) => {
    const iptables = find(name);
    const restore = find(`${name}-restore`);
    return iptables && restore ? [{ iptables, restore }] : [];
  });
}

/** @throws Failure where connections cannot be captured, saying which ways into the mesh work instead. */
export function captureTools(): Tools {
  const instead = "without --capture a program reaches the mesh by http_proxy, which is set for it, and by --upstream";
  if (process.platform !== "linux")
    throw new Failure("--capture redirects connections with Linux's packet filter, which this system does not have", {
      hint: instead,
    });
  if (process.geteuid?.() !== 0) throw new Failure("--capture needs root", { hint: `use sudo; ${instead}` });
  const filters = packetFilters();
  const [ip, setpriv] = [find("ip"), find("setpriv")];
  const missing: Needed[] = [];
  if (!ip) missing.push("ip");
  if (filters.length === 0) missing.push("iptables-restore");
  if (!setpriv) missing.push("setpriv");
  if (!ip || !setpriv || missing.length > 0)
    throw new Failure(`--capture needs ${missing.join(", ")}, which is not installed`, {
      hint: `install the packages ${missing.map((tool) => PACKAGES[tool]).join(" ")}; ${instead}`,
    });
  return { ip, setpriv, packetFilters: filters };
}
