// What is to be scraped. The control plane knows the proxies and gives the list.

/** One proxy. `id` is stable for its life; `url` is the merged exposition (port 15020, /stats/prometheus). */
export interface ScrapeTarget {
  readonly id: string;
  readonly namespace: string;
  readonly workload: string;
  readonly url: string;
}

/** Who is to be scraped now; asked at every interval. */
export interface ScrapeTargets {
  list(): readonly ScrapeTarget[];
}
