"""The routes of accounts: ``path("account/", include("usercore_web.django.urls"))``."""

from django.urls import re_path

from usercore_web.django.views import routes

urlpatterns = [re_path(r"^(?P<path>.*)$", routes)]
