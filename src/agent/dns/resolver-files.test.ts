import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseResolvConf, ResolvConfFile, resolvConfText } from "./resolv-conf.ts";
import { nsswitchText } from "./resolver-files.ts";

test("resolv.conf is read as the C library does", () => {
  const text = `# by a network manager
nameserver 192.0.2.1
nameserver   fe80::1%eth0  ; the router
domain first.example
search corp.example  lab.example
options edns0 trust-ad
options ndots:2
nameserver 192.0.2.3
nameserver 192.0.2.4
nonsense`;
  expect(parseResolvConf(text)).toEqual({
    servers: ["192.0.2.1", "fe80::1%eth0", "192.0.2.3"],
    search: ["corp.example", "lab.example"],
    options: ["edns0", "trust-ad", "ndots:2"],
  });
  expect(parseResolvConf("")).toEqual({ servers: ["127.0.0.1"], search: [], options: [] });
});

test("a captured program asks us, in the mesh's domains first", () => {
  const machine = parseResolvConf("nameserver 192.0.2.1\nsearch corp.example svc.cluster.local .\noptions ndots:2");
  expect(resolvConfText("10.231.0.1", ["default.svc.cluster.local", "svc.cluster.local"], machine)).toBe(
    "nameserver 10.231.0.1\nsearch default.svc.cluster.local svc.cluster.local corp.example\noptions ndots:2\n",
  );
});

test("a file that changed is read again; one that is gone leaves what was known", () => {
  const folder = mkdtempSync(join(tmpdir(), "heddle-resolv-"));
  const path = join(folder, "resolv.conf");
  try {
    const file = new ResolvConfFile(path);
    expect(file.current.servers).toEqual(["127.0.0.1"]);
    writeFileSync(path, "nameserver 192.0.2.1\n");
    expect(file.current.servers).toEqual(["192.0.2.1"]);
    writeFileSync(path, "nameserver 192.0.2.22\n");
    expect(file.current.servers).toEqual(["192.0.2.22"]);
    rmSync(path);
    expect(file.current.servers).toEqual(["192.0.2.22"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("hosts are looked up in files and by DNS, and not by daemons that nobody captures", () => {
  const hosts = (services: string) => /^hosts: (.*)$/m.exec(nsswitchText(`passwd: files\nhosts:${services}\n`))?.[1];
  expect(hosts("          files mdns4_minimal [NOTFOUND=return] dns")).toBe("files dns");
  expect(hosts(" files myhostname resolve [!UNAVAIL=return] dns # so")).toBe("files myhostname dns");
  expect(hosts(" mymachines resolve [!UNAVAIL=return] files")).toBe("mymachines files dns");
  expect(hosts(" files dns [SUCCESS=continue] wins")).toBe("files dns [SUCCESS=continue]");
  expect(nsswitchText("passwd: files systemd\n")).toBe("passwd: files systemd\n");
});
