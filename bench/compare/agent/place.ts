/** Where a run leaves what it exports: `atof.jsonl` and `atif.json` in the directory, OTLP below the URL. */
export interface Place {
  readonly directory: string
  readonly url: string
}
