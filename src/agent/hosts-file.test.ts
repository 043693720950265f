import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { NameTableSchema } from "../xds/gen/istio/networking/nds/v1/nds_pb.ts";
import { hostsText, rewrite } from "./hosts-file.ts";

const kubernetes = (shortname: string, namespace: string, ...ips: string[]) => ({
  ips,
  registry: "Kubernetes",
  shortname,
  namespace,
  altHosts: [],
});

function textOf(table: Record<string, object>): string {
  return hostsText("127.0.0.1 localhost", create(NameTableSchema, { table } as never), "default");
}

test("a service has the names that Kubernetes' search path gives it; the shortest only in its own namespace", () => {
  const table = {
    "web.shop.svc.cluster.local": kubernetes("web", "shop", "240.240.0.2"),
    "api.default.svc.cluster.local": kubernetes("api", "default", "240.240.0.1"),
    "example.com": {
      ips: ["1.2.3.4", "2001:db8::1"],
      registry: "External",
      shortname: "",
      namespace: "",
      altHosts: [],
    },
  };
  expect(textOf(table)).toBe(`127.0.0.1 localhost
240.240.0.1 api.default.svc.cluster.local api api.default api.default.svc
1.2.3.4 example.com
2001:db8::1 example.com
240.240.0.2 web.shop.svc.cluster.local web.shop web.shop.svc
`);
});

test("what is no host or no address stays out", () => {
  const table = {
    "*.example.com": kubernetes("", "", "240.240.0.3"),
    "bad\n6.6.6.6 bank.example": kubernetes("", "", "240.240.0.4"),
    "good.example": {
      ips: ["1.1.1.1 evil", "240.240.0.5"],
      registry: "",
      shortname: "",
      namespace: "",
      altHosts: ["a b"],
    },
  };
  expect(textOf(table)).toBe("127.0.0.1 localhost\n240.240.0.5 good.example\n");
});

test("the file is rewritten in place, longer or shorter", () => {
  const folder = mkdtempSync(join(tmpdir(), "heddle-hosts-"));
  try {
    const file = join(folder, "hosts");
    writeFileSync(file, "first\n");
    const { ino } = statSync(file);
    for (const text of ["second and longer\n", "3\n", ""]) {
      rewrite(file, text);
      expect(readFileSync(file, "utf8")).toBe(text);
    }
    expect(statSync(file).ino).toBe(ino);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
