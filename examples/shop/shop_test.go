package main

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestShop(t *testing.T) {
	shop := newShop()
	for _, row := range []struct {
		name, method, path string
		status             int
		body               string
	}{
		{"it is healthy", "GET", "/healthz", 204, ""},
		{"it says what it sells", "GET", "/products", 200, `"id":"tee"`},
		{"it takes an order", "POST", "/orders/cap", 201, `"order":1`},
		{"it does not sell what it does not have", "POST", "/orders/boat", 404, "no such product"},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := httptest.NewRecorder()
			shop.ServeHTTP(got, httptest.NewRequest(row.method, row.path, nil))
			if got.Code != row.status || !strings.Contains(got.Body.String(), row.body) {
				t.Errorf("%s %s: %d %s", row.method, row.path, got.Code, got.Body)
			}
		})
	}
}
