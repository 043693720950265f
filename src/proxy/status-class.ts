// Requests by the hundreds of their status, counted in one slot each.

/** 1xx to 5xx, and 0 for those without a response. */
export const STATUS_CLASSES = 6;

/** The slot of a status. */
export function statusClass(status: number): number {
  return status >= 100 && status < 600 ? Math.floor(status / 100) : 0;
}
