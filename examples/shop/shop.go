package main

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
)

type product struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Cents int    `json:"cents"`
}

var catalogue = []product{
	{ID: "tee", Name: "T-shirt", Cents: 1900},
	{ID: "cap", Name: "Cap", Cents: 1400},
}

func newShop() http.Handler {
	var orders atomic.Int64
	shop := http.NewServeMux()
	shop.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	})
	shop.HandleFunc("GET /products", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"version": version, "products": catalogue})
	})
	shop.HandleFunc("POST /orders/{product}", func(w http.ResponseWriter, r *http.Request) {
		for _, each := range catalogue {
			if each.ID == r.PathValue("product") {
				answer(w, http.StatusCreated, map[string]any{"version": version, "order": orders.Add(1), "product": each})
				return
			}
		}
		answer(w, http.StatusNotFound, map[string]any{"version": version, "error": "there is no such product"})
	})
	return shop
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}
