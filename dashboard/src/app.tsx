// The one page: how the mesh is, who calls whom, the golden signals of one service, and the proxies.

import { useState, useSyncExternalStore } from "react";
import type { Live } from "./live.ts";
import { Banner } from "./page/banner.tsx";
import { Header } from "./page/header.tsx";
import { Summary } from "./page/summary.tsx";
import { Waiting } from "./page/waiting.tsx";
import { ProxyTable } from "./proxies/proxy-table.tsx";
import { ServicePanel } from "./service/service-panel.tsx";
import { useTheme } from "./theme.ts";
import { TopologyPanel } from "./topology/topology-panel.tsx";

export function App({ live }: { live: Live }) {
  const link = useSyncExternalStore(live.subscribe, live.link);
  const { theme, resolved, setTheme } = useTheme();
  const [chosen, setChosen] = useState<string>();
  const { state } = link;
  const busiest = state?.services.toSorted((a, b) => b.signals.requestRate - a.signals.requestRate)[0];
  const service = state?.services.find(({ host }) => host === chosen) ?? busiest;
  return (
    <>
      <a className="skip" href="#content">
        Skip to content
      </a>
      <Header link={link} theme={theme} onTheme={setTheme} />
      <Banner link={link} />
      <main id="content" className={link.status === "lost" ? "stale" : ""}>
        {state ? (
          <>
            <Summary mesh={state.mesh} now={state.at} />
            <div className="columns">
              <TopologyPanel topology={state.topology} services={state.services} onService={setChosen} />
              <ServicePanel
                service={service}
                services={state.services}
                onService={setChosen}
                connected={link.status === "live"}
                theme={resolved}
              />
              <ProxyTable proxies={state.proxies} now={state.at} />
            </div>
          </>
        ) : (
          <Waiting link={link} />
        )}
      </main>
    </>
  );
}
