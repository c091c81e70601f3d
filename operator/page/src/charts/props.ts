/**
 * What the charts are given and what they tell. A chart fills the width of its parent and has the height that is asked
 * for; it draws anew when a signal changes or the theme does (`theme` in src/theme.ts); what it shows is said in words
 * by its label, for those who cannot see it. Selecting and brushing writes to the selection's signals, which are the
 * same in all views.
 */
import type { ReadonlySignal } from "@preact/signals";
import type { Comparison, Curves, Details, Importance, ImprovementRow, Policy, Ranks, TrialDetails } from "../api/types";
import type { Axis } from "../data/axes";
import type { Selection } from "../data/selection";
import type { TrialTable } from "../data/table";

/** What charts of trials share. */
export interface TrialsProps {
  readonly details: Details;
  readonly trials: ReadonlySignal<TrialTable>;
  readonly selection: Selection;
  /** Look at a trial: double click, or Enter. */
  readonly open: (trial: number) => void;
  /** In CSS pixels. */
  readonly height?: number;
}

/** Rewards as points; best so far and the moving average as lines. */
export interface CourseProps extends TrialsProps {
  readonly over: "results" | "time";
}

/** A line per trial across axes, with a brush on each. */
export interface ParallelProps extends TrialsProps {
  /** In this order, the objective's value last. */
  readonly axes: readonly Axis[];
}

/** One axis against another; categories are jittered. */
export interface ScatterProps extends TrialsProps {
  readonly x: Axis;
  readonly y: Axis;
}

/**
 * Two metrics against each other, with the front, and limits if the search has any. Between two objectives of a search
 * with several, the front is the search's, and all others are behind it by their rank.
 */
export interface ParetoProps extends TrialsProps {
  readonly x: Axis;
  readonly y: Axis;
  readonly lessX: boolean;
  readonly lessY: boolean;
}

/** How the hypervolume of several objectives grew. */
export interface HypervolumeProps extends TrialsProps {
  readonly ranks: Ranks;
  readonly over: "results" | "time";
}

export interface LearningCurvesProps extends TrialsProps {
  readonly curves: Curves;
  readonly metric: string;
  /** Only of those that run. */
  readonly running: boolean;
}

/** The curve of one trial, all metrics that are asked for. */
export interface CurveProps {
  readonly steps: readonly number[];
  readonly metrics: Readonly<Record<string, readonly (number | null)[]>>;
  readonly rungs: readonly number[];
  readonly height?: number;
}

export interface ImportanceProps {
  readonly importance: Importance;
  readonly chosen: string | null;
  readonly choose: (decision: string) => void;
}

/** Which values of a decision the latest results have, over results. */
export interface PopulationSharesProps extends TrialsProps {
  readonly decision: string;
}

export interface PolicyOverTimeProps {
  readonly details: Details;
  readonly policy: Policy;
  readonly decision: string;
  readonly height?: number;
}

/** Parents and children of a trial. */
export interface LineageTreeProps extends TrialsProps {
  readonly trial: TrialDetails;
}

/** What had been spent until each improvement, of the ``value`` that is named. */
export interface CostProps {
  readonly value?: string;
  readonly improvements: readonly ImprovementRow[];
  readonly minimize: boolean;
  readonly gpus: boolean;
  readonly open: (trial: number) => void;
  readonly height?: number;
}

/** Means over seeds, and a standard deviation to both sides. */
export interface BandsProps {
  readonly comparison: Comparison;
  readonly show: "averages" | "bests" | "hypervolumes";
  readonly height?: number;
}

/** A line without axes, of the height of text. */
export interface SparklineProps {
  readonly values: readonly number[];
  /** In words. */
  readonly label: string;
  readonly width?: number;
  readonly height?: number;
}
