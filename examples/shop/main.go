// Shop is a small web shop: it says what it sells and takes orders.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os/signal"
	"syscall"
	"time"
)

const version = "v1"

// Kubernetes takes a pod out of its Service at the moment at which it tells it to stop. Whoever sends requests
// hears of it a little later, and what comes until then is still answered.
const drain = 3 * time.Second

func main() {
	log.SetFlags(0)
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	server := &http.Server{Addr: ":8080", Handler: newShop(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			log.Fatal(err)
		}
	}()
	log.Printf("shop %s is open", version)

	<-stopped.Done()
	server.SetKeepAlivesEnabled(false)
	time.Sleep(drain)
	closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(closing); err != nil {
		log.Fatal(err)
	}
}
