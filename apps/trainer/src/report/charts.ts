import { BarChart, LineChart } from 'echarts/charts';
import type { BarSeriesOption, LineSeriesOption } from 'echarts/charts';
import { GridComponent, LegendComponent } from 'echarts/components';
import type { GridComponentOption, LegendComponentOption } from 'echarts/components';
import { init, use } from 'echarts/core';
import type { ComposeOption } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

/** Plots as SVG text, drawn without a browser. Colours are CSS variables, so that one drawing suits a light and a dark page. */

use([BarChart, LineChart, GridComponent, LegendComponent, SVGRenderer]);

type Option = ComposeOption<BarSeriesOption | LineSeriesOption | GridComponentOption | LegendComponentOption>;

const WIDTH = 560;
const HEIGHT = 260;
const BAR_HEIGHT = 26;
/** Between the bars of two labels. */
const BAR_GAP = 18;
const MARGIN = { right: 24, top: 12, bottom: 12 };
const LEGEND_HEIGHT = 24;
const FONT_SIZE = 12;
/** Letters of the longest label of a bar, and the room that they take at most. */
export const LABEL_LETTERS = 26;
const LABEL_ROOM = LABEL_LETTERS * 7.5;

/** Colour of a series; the page has four. */
function colourOf(series: number): string {
  return `var(--series-${(series % 4) + 1})`;
}

/** One line of a plot. */
export interface Line {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Number of its colour, from 0. */
  readonly colour: number;
  /** Each point with a dot, as there are few. */
  readonly dots?: boolean;
}

export interface LinePlot {
  readonly lines: readonly Line[];
  /** Begin the vertical axis at 0; otherwise it fits the values. */
  readonly fromZero?: boolean;
  /** No value can be more, so the axis must not show more. */
  readonly limit?: number;
  readonly formatValue: (value: number) => string;
}

/** Lines over the steps of a training. */
export function drawLines({ lines, fromZero = false, limit, formatValue }: LinePlot): string {
  return draw(
    {
      xAxis: { type: 'value', name: 'step', nameLocation: 'middle', nameGap: 26, min: 0, max: 'dataMax', ...AXIS },
      yAxis: {
        type: 'value',
        scale: !fromZero,
        ...(limit === undefined ? {} : { max: nearLimit(limit) }),
        ...AXIS,
        axisLabel: { ...LABEL, formatter: formatValue },
      },
      series: lines.map(({ name, points, colour, dots = false }) => ({
        type: 'line',
        name,
        data: points.map(([x, y]) => [x, y]),
        showSymbol: dots || points.length === 1,
        symbol: 'circle',
        symbolSize: 6,
        itemStyle: { color: colourOf(colour) },
        lineStyle: { color: colourOf(colour), width: 1.75 },
      })),
    },
    lines.map(({ name }) => name),
    HEIGHT,
  );
}

/** The limit as the end of an axis whose values come near it; otherwise ECharts finds a round one. */
function nearLimit(limit: number): (extent: { readonly max: number }) => number {
  return ({ max }) => (max > 0.9 * limit ? limit : Number.NaN);
}

/** A group of bars for each label, of which each has one bar in each of the series. */
export interface BarPlot {
  readonly labels: readonly string[];
  readonly series: readonly { readonly name: string; readonly values: readonly number[]; readonly colour: number }[];
  readonly formatValue: (value: number) => string;
}

/** Bars that lie, with their values behind them. */
export function drawBars({ labels, series, formatValue }: BarPlot): string {
  return draw(
    {
      xAxis: { type: 'value', ...AXIS, axisLabel: { show: false }, splitLine: { show: false }, axisLine: { show: false } },
      yAxis: { type: 'category', data: [...labels], inverse: true, ...AXIS, splitLine: { show: false } },
      // Nothing measures texts outside of a browser; room for a whole label is left instead.
      grid: { ...MARGIN, left: LABEL_ROOM, top: topOf(series.length), outerBoundsMode: 'none' },
      series: series.map(({ name, values, colour }) => ({
        type: 'bar',
        name,
        data: [...values],
        barWidth: BAR_HEIGHT,
        itemStyle: { color: colourOf(colour) },
        label: { show: true, position: 'insideLeft', color: 'var(--on-series)', formatter: ({ value }) => formatValue(Number(value)) },
      })),
    },
    series.map(({ name }) => name),
    topOf(series.length) + labels.length * (series.length * BAR_HEIGHT + BAR_GAP) + MARGIN.bottom,
  );
}

const LABEL = { color: 'var(--muted)', fontSize: FONT_SIZE };
const STROKE = { lineStyle: { color: 'var(--line)' } };
const AXIS = {
  nameTextStyle: LABEL,
  axisLabel: LABEL,
  axisLine: { show: true, ...STROKE },
  axisTick: { show: false },
  splitLine: STROKE,
  minorTick: { show: false },
};

function topOf(series: number): number {
  return MARGIN.top + (series > 1 ? LEGEND_HEIGHT : 0);
}

function draw(option: Option, names: readonly string[], height: number): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  try {
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: 'inherit', color: 'var(--text)', fontSize: FONT_SIZE },
      grid: { ...MARGIN, left: 8, top: topOf(names.length), outerBoundsMode: 'same', outerBoundsContain: 'all' },
      ...(names.length > 1
        ? {
            legend: {
              top: 0,
              left: 'center',
              icon: 'roundRect',
              itemGap: 24,
              itemWidth: 14,
              itemHeight: 8,
              textStyle: LABEL,
              data: [...names],
            },
          }
        : {}),
      ...option,
    } satisfies Option);
    return forPage(chart.renderToSVGString(), height);
  } finally {
    chart.dispose();
  }
}

/** Without what only a script or a page of its own needs: names of elements, styles for a pointer, namespaces, a fixed size. */
function forPage(svg: string, height: number): string {
  return svg
    .replace(/^<svg[^>]*>/, `<svg viewBox="0 0 ${WIDTH} ${height}" role="img">`)
    .replaceAll(/<style\b[^]*?<\/style>/g, '')
    .replaceAll(/ (?:pointer-events|class|ecmeta_\w+)="[^"]*"/g, '');
}
