import { expect, test } from "bun:test";
import { settlePorts, USUAL_PORTS } from "./sidecar-ports.ts";

test("the mesh's ports of proxy and agent count where nobody asked for others, and give way where they are taken", () => {
  const chosen = { ...USUAL_PORTS, admin: 40_001 };
  const taken = 15_921;
  const choose = (port: number) => (port === taken ? 40_002 : port);
  const settled = (wanted: object, said: object) => {
    const { admin, status, forwardProxy, ...others } = settlePorts(choose, chosen, wanted, said);
    expect(others).toEqual({ mesh: 15_008, inbound: 15_006 });
    return [admin, status, forwardProxy];
  };
  expect(settled({}, {})).toEqual([40_001, 15_020, 15_080]);
  expect(settled({}, { adminPort: 0, statusPort: 0 })).toEqual([40_001, 15_020, 15_080]);
  expect(settled({}, { adminPort: 15_900, statusPort: taken })).toEqual([15_900, 40_002, 15_080]);
  expect(settled({ admin: 40_001 }, { adminPort: 15_900, statusPort: 15_922 })).toEqual([40_001, 15_922, 15_080]);
  expect(settled({}, { forwardProxyPort: 15_002 })).toEqual([40_001, 15_020, 15_002]);
  expect(settled({}, { forwardProxyPort: taken })).toEqual([40_001, 15_020, 40_002]);
  expect(settled({ forwardProxy: 15_080 }, { forwardProxyPort: 15_002 })).toEqual([40_001, 15_020, 15_080]);
  // Looked for at the start already.
  expect(settled({}, { adminPort: 15_000, statusPort: 15_020 })).toEqual([40_001, 15_020, 15_080]);
});
