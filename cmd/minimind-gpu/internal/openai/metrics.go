//go:build !js

package openai

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are what /metrics tells.
type metrics struct {
	registry   *prometheus.Registry
	requests   *prometheus.CounterVec
	seconds    *prometheus.HistogramVec
	tokens     *prometheus.CounterVec
	firstToken prometheus.Histogram
}

func newMetrics(e *engine) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "minimind_requests_total", Help: "Requests, by endpoint and status."}, []string{"endpoint", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "minimind_request_seconds", Help: "How long requests took, waiting included.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 16)}, []string{"endpoint"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "minimind_tokens_total", Help: "Tokens of prompts and of answers."}, []string{"kind"}),
		firstToken: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "minimind_first_token_seconds", Help: "From a request to its first token.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 16)}),
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	m.registry.MustRegister(m.requests, m.seconds, m.tokens, m.firstToken, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("minimind_answers_running", "Answers that are being decoded.", func() float64 { running, _ := e.load(); return float64(running) }),
		gauge("minimind_answers_waiting", "Answers that wait for their turn.", func() float64 { _, waiting := e.load(); return float64(waiting) }))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// count counts an endpoint's requests and takes their time.
func (m *metrics) count(endpoint string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		recorder := &statusRecorder{ResponseWriter: w}
		next.ServeHTTP(recorder, r)
		code := "gone" // the client, before it had an answer
		if recorder.status != 0 {
			code = strconv.Itoa(recorder.status)
		}
		m.requests.WithLabelValues(endpoint, code).Inc()
		m.seconds.WithLabelValues(endpoint).Observe(time.Since(start).Seconds())
	})
}

// statusRecorder notes the status of an answer.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *statusRecorder) Write(data []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(data)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
