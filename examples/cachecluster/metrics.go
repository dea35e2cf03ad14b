package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/grapevine-go/grapevine/examples/cachecluster/node"
)

// metricsServer serves the metrics of this process's nodes; nil serves nothing.
type metricsServer struct {
	listener net.Listener
	http     *http.Server
	done     chan struct{}
}

// serveMetrics gives each node a registerer that labels it, and serves all at
// addr; nothing if that is empty.
func serveMetrics(addr string, configs []node.Config, logger *slog.Logger) (*metricsServer, error) {
	if addr == "" {
		return nil, nil
	}
	registry := prometheus.NewRegistry()
	for i := range configs {
		label := prometheus.Labels{"node": string(configs[i].Gossip.Name)}
		configs[i].Gossip.Registerer = prometheus.WrapRegistererWith(label, registry)
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("-metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	m := &metricsServer{
		listener: listener,
		http:     &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second},
		done:     make(chan struct{}),
	}
	go func() {
		defer close(m.done)
		if err := m.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("metrics are not served any more", "err", err)
		}
	}()
	return m, nil
}

func (m *metricsServer) addr() string {
	if m == nil {
		return ""
	}
	return m.listener.Addr().String()
}

func (m *metricsServer) close() {
	if m != nil {
		m.http.Close()
		<-m.done
	}
}
