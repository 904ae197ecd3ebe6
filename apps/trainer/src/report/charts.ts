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
  readonly formatValue: (value: number) => string;
}

/** Lines over the steps of a training. */
export function drawLines({ lines, fromZero = false, formatValue }: LinePlot): string {
  return draw(
    {
      xAxis: { type: 'value', name: 'step', nameLocation: 'middle', nameGap: 26, min: 0, max: 'dataMax', ...AXIS },
      yAxis: { type: 'value', scale: !fromZero, ...AXIS, axisLabel: { ...LABEL, formatter: formatValue } },
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
  );
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
      grid: { left: LABEL_ROOM, right: 24, top: series.length > 1 ? 36 : 12, bottom: 12, outerBoundsMode: 'none' },
      series: series.map(({ name, values, colour }) => ({
        type: 'bar',
        name,
        data: [...values],
        barMaxWidth: 26,
        itemStyle: { color: colourOf(colour) },
        label: { show: true, position: 'insideLeft', color: 'var(--on-series)', formatter: ({ value }) => formatValue(Number(value)) },
      })),
    },
    series.map(({ name }) => name),
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

function draw(option: Option, names: readonly string[]): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  try {
    const legend = names.length > 1;
    chart.setOption({
      animation: false,
      textStyle: { fontFamily: 'inherit', color: 'var(--text)', fontSize: FONT_SIZE },
      grid: { left: 8, right: 24, top: legend ? 36 : 12, bottom: 12, outerBoundsMode: 'same', outerBoundsContain: 'all' },
      ...(legend
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
    return forPage(chart.renderToSVGString());
  } finally {
    chart.dispose();
  }
}

/** Without what only a script or a page of its own needs: names of elements, styles for a pointer, namespaces, a fixed size. */
function forPage(svg: string): string {
  return svg
    .replace(/^<svg[^>]*>/, `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`)
    .replaceAll(/<style\b[^]*?<\/style>/g, '')
    .replaceAll(/ (?:pointer-events|class|ecmeta_\w+)="[^"]*"/g, '');
}
