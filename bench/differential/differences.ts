export type DifferenceName = string
