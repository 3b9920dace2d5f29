import type { Clock } from '../model/clock.ts';
import type { Span } from '../model/report.ts';
import type { WorkloadId } from '../model/workload.ts';

/** The timeline of a run while it is written. */
export class Story {
  readonly startedAt: Date;
  /** What a killed run had left and this one put back before its own work; `whole`: it was seen healthy. */
  get tidied(): readonly (WorkloadId & { readonly whole: boolean })[] {
    return [...this.#tidied.values()];
  }
  readonly #clock: Clock;
  readonly #spans: Span[] = [];
  readonly #tidied = new Map<string, WorkloadId & { readonly whole: boolean }>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.startedAt = clock.wall();
  }

  /** Runs a part of the story and keeps when it began, when it ended and how. */
  async part<T>(section: string, label: string, body: () => Promise<T>): Promise<T> {
    const start = this.#clock.wall();
    try {
      const result = await body();
      this.add({ section, label, start, end: this.#clock.wall(), outcome: 'done' });
      return result;
    } catch (error) {
      this.add({ section, label, start, end: this.#clock.wall(), outcome: 'failed' });
      throw error;
    }
  }

  /** Keeps that what a killed run had left was put back, or may be; told again when it was seen healthy. */
  tidy({ kind, namespace, name }: WorkloadId, whole: boolean): void {
    this.#tidied.set(`${namespace}/${kind}/${name}`, { kind, namespace, name, whole });
  }

  add(span: Omit<Span, 'start' | 'end'> & { readonly start: Date; readonly end: Date }): void {
    this.#spans.push({ ...span, start: span.start.toISOString(), end: span.end.toISOString() });
  }

  /** In the order in which they began. */
  timeline(): readonly Span[] {
    return [...this.#spans].sort((a, b) => a.start.localeCompare(b.start));
  }
}
